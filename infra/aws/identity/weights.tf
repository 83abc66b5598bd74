locals {
  readers = {
    for name, model in var.models : name => {
      bucket_arn = "arn:${local.partition}:s3:::${model.weights.bucket}"
      prefix     = trim(model.weights.prefix, "/")
    } if model.weights != null
  }
}

data "aws_iam_policy_document" "weights" {
  for_each = local.readers

  # The object of that very name too: an address may be of one file.
  statement {
    sid     = "ReadWeights"
    actions = ["s3:GetObject"]
    resources = each.value.prefix == "" ? ["${each.value.bucket_arn}/*"] : [
      "${each.value.bucket_arn}/${each.value.prefix}",
      "${each.value.bucket_arn}/${each.value.prefix}/*",
    ]
  }

  # Clients list `story` and `story/` alike. S3 then also names what begins with `story-`, but hands out none of it.
  statement {
    sid       = "ListWeights"
    actions   = ["s3:ListBucket"]
    resources = [each.value.bucket_arn]

    dynamic "condition" {
      for_each = each.value.prefix == "" ? [] : [each.value.prefix]

      content {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [condition.value, "${condition.value}/*"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "DecryptWeights"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      # The key opens weights that S3 hands out, and nothing else that it may encrypt.
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role_policy" "weights" {
  for_each = local.readers

  name   = "read-weights"
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.weights[each.key].json
}
