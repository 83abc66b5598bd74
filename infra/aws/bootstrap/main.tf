# A lost state is a cluster that nobody can change or delete: this bucket outlives everything that it describes.
resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:access logs need a second bucket with the same needs; CloudTrail's data events are the place for them
  #checkov:skip=CKV_AWS_144:a copy in another region guards against the loss of a region, in which the cluster is lost as well
  #checkov:skip=CKV_AWS_145:SSE-S3 on purpose: a key of one's own is one more thing whose loss loses the state
  #checkov:skip=CKV2_AWS_62:nobody waits for events of it
  bucket = var.bucket

  lifecycle {
    prevent_destroy = true
  }
}

# Terraform writes the state as a whole, and one bad write is undone only by the version before it.
resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Each lock file leaves two versions behind; without an end, listing the bucket would take ever longer.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "old-states"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      newer_noncurrent_versions = var.old_states.count
      noncurrent_days           = var.old_states.days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # The rule is about versions: S3 refuses it before there are any.
  depends_on = [aws_s3_bucket_versioning.this]
}
