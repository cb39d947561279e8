# A private bucket at Amazon S3, and a user for each of the three keys: docs/terraform.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "bucket" {
  type = string
}

variable "origins" {
  description = "The pages that upload, such as https://app.example.com"
  type        = list(string)
}

resource "aws_s3_bucket" "files" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "files" {
  bucket                  = aws_s3_bucket.files.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "files" {
  bucket = aws_s3_bucket.files.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_cors_configuration" "files" {
  bucket = aws_s3_bucket.files.id
  cors_rule {
    id              = "valetkey"
    allowed_origins = var.origins
    allowed_methods = ["GET", "PUT"]
    allowed_headers = [
      "Content-Type",
      "If-None-Match",
      "content-md5",
      "x-amz-checksum-crc32c",
      "x-amz-checksum-sha256",
      "x-amz-meta-valetkey-grant",
    ]
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "files" {
  bucket = aws_s3_bucket.files.id
  rule {
    id     = "valetkey-incoming"
    status = "Enabled"
    filter {
      prefix = "incoming/"
    }
    expiration {
      days = 3
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
  rule {
    id     = "valetkey-parts"
    status = "Enabled"
    filter {
      prefix = "orgs/"
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

locals {
  policies = {
    put = {
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "Put"
          Effect = "Allow"
          Action = ["s3:PutObject"]
          Resource = [
            "${aws_s3_bucket.files.arn}/orgs/*",
            "${aws_s3_bucket.files.arn}/incoming/*",
          ]
        },
        {
          Sid       = "NeverCopy"
          Effect    = "Deny"
          Action    = ["s3:PutObject"]
          Condition = { Null = { "s3:x-amz-copy-source" = "false" } }
          Resource  = ["arn:aws:s3:::*"]
        },
        {
          Sid       = "NeverAnotherStorageClass"
          Effect    = "Deny"
          Action    = ["s3:PutObject"]
          Condition = { StringLike = { "s3:x-amz-storage-class" = "*" } }
          Resource  = ["arn:aws:s3:::*"]
        },
        {
          Sid    = "NeverUnderAKeyOfTheClients"
          Effect = "Deny"
          Action = ["s3:PutObject"]
          Condition = {
            StringLike = { "s3:x-amz-server-side-encryption-customer-algorithm" = "*" }
          }
          Resource = ["arn:aws:s3:::*"]
        },
        {
          Sid       = "NeverTag"
          Effect    = "Deny"
          Action    = ["s3:PutObject"]
          Condition = { "ForAnyValue:StringLike" = { "s3:RequestObjectTagKeys" = ["*"] } }
          Resource  = ["arn:aws:s3:::*"]
        },
        {
          # Longer, if a policy has a put_lifetime of more than 15 minutes.
          Sid       = "NeverOlderThanOurUrls"
          Effect    = "Deny"
          Action    = ["s3:PutObject"]
          Resource  = ["${aws_s3_bucket.files.arn}/*"]
          Condition = { NumericGreaterThan = { "s3:signatureAge" = "900000" } }
        },
      ]
    }
    get = {
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "Get"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = ["${aws_s3_bucket.files.arn}/orgs/*"]
        },
      ]
    }
    service = {
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "LookAtTheBucket"
          Effect = "Allow"
          Action = [
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
            "s3:ListBucketVersions",
            "s3:GetBucketLocation",
            "s3:GetBucketObjectLockConfiguration",
          ]
          Resource = ["${aws_s3_bucket.files.arn}"]
        },
        {
          Sid    = "LookAtObjectsAndConfirmThem"
          Effect = "Allow"
          Action = [
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:GetObjectTagging",
            "s3:GetObjectVersionTagging",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
          ]
          Resource = [
            "${aws_s3_bucket.files.arn}/orgs/*",
            "${aws_s3_bucket.files.arn}/incoming/*",
          ]
        },
        {
          Sid    = "PutPartsTogether"
          Effect = "Allow"
          Action = [
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
          ]
          Resource = [
            "${aws_s3_bucket.files.arn}/orgs/*",
            "${aws_s3_bucket.files.arn}/incoming/*",
          ]
        },
      ]
    }
  }
}

resource "aws_iam_user" "key" {
  for_each = local.policies
  name     = "valetkey-${each.key}"
}

resource "aws_iam_user_policy" "key" {
  for_each = local.policies
  name     = "valetkey"
  user     = aws_iam_user.key[each.key].name
  policy   = jsonencode(each.value)
}
