# All of tflint's rules for the language. `tflint --chdir infra --recursive --config "$PWD/infra/.tflint.hcl"`
plugin "terraform" {
  enabled = true
  preset  = "all"
}
