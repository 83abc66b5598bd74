resource "aws_s3_bucket" "weights" {
  #checkov:skip=CKV_AWS_18:access logs need a second bucket; CloudTrail's data events are the place for them
  #checkov:skip=CKV_AWS_144:weights can be uploaded again; a copy of each in a second region is paid for every month
  #checkov:skip=CKV_AWS_145:encrypted with S3's own key unless kms_key_arn names another
  #checkov:skip=CKV2_AWS_62:nobody waits for events of it
  bucket        = var.bucket
  force_destroy = !var.deletion_protection
}

# An upload over good weights is undone by the version before it.
resource "aws_s3_bucket_versioning" "weights" {
  bucket = aws_s3_bucket.weights.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "weights" {
  bucket = aws_s3_bucket.weights.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }

    # One call to KMS for many objects: without it, each part of each file costs one.
    bucket_key_enabled = var.kms_key_arn != null
  }
}

# Weights are gigabytes: replaced ones are kept long enough to go back to, then paid for no longer.
resource "aws_s3_bucket_lifecycle_configuration" "weights" {
  bucket = aws_s3_bucket.weights.id

  rule {
    id     = "replaced-weights"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # The rule is about versions: S3 refuses it before there are any.
  depends_on = [aws_s3_bucket_versioning.weights]
}
