terraform {
  # terraform_data came with 1.4; cross-type `moved` and stable input validation with 1.9.
  required_version = ">= 1.9, < 2.0"
}
