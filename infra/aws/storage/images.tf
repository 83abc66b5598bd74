# ECR makes no repository on push, so each model has one before its first image.
resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136:encrypted with ECR's own key unless kms_key_arn names another
  for_each = var.images

  name         = "${var.registry}/${each.key}"
  force_delete = !var.deletion_protection

  # A tag that could move would make a rolled-back model run something else.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "an image without a tag is left over from a push that was repeated"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        # By count, not by age: a model that nobody touched for a year still needs its image for its next node.
        rulePriority = 2
        description  = "the newest ${var.kept_images} stay"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.kept_images }
        action       = { type = "expire" }
      },
    ]
  })
}
