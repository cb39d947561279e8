# A private bucket at Cloudflare R2, and a token for it alone: docs/terraform.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.14"
    }
  }
}

variable "account_id" {
  type = string
}

variable "bucket" {
  type = string
}

variable "origins" {
  description = "The pages that upload, such as https://app.example.com"
  type        = list(string)
}

resource "cloudflare_r2_bucket" "files" {
  account_id = var.account_id
  name       = var.bucket
}

# The address r2.dev would make every file public.
resource "cloudflare_r2_managed_domain" "files" {
  account_id  = var.account_id
  bucket_name = cloudflare_r2_bucket.files.name
  enabled     = false
}

resource "cloudflare_r2_bucket_cors" "files" {
  account_id  = var.account_id
  bucket_name = cloudflare_r2_bucket.files.name
  rules = [{
    id = "valetkey"
    allowed = {
      origins = var.origins
      methods = ["GET", "PUT"]
      headers = [
        "Content-Type",
        "If-None-Match",
        "content-md5",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-sha256",
        "x-amz-meta-valetkey-grant",
      ]
    }
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }]
}

resource "cloudflare_r2_bucket_lifecycle" "files" {
  account_id  = var.account_id
  bucket_name = cloudflare_r2_bucket.files.name
  rules = [{
    id         = "valetkey-parts"
    enabled    = true
    conditions = { prefix = "orgs/" }
    abort_multipart_uploads_transition = {
      condition = { type = "Age", max_age = 86400 }
    }
  }]
}

data "cloudflare_account_api_token_permission_groups_list" "write" {
  account_id = var.account_id
  name       = "Workers R2 Storage Bucket Item Write"
}

# R2 has no key that may only put.
resource "cloudflare_account_token" "service" {
  account_id = var.account_id
  name       = "valetkey-service"
  policies = [{
    effect            = "allow"
    permission_groups = [{ id = data.cloudflare_account_api_token_permission_groups_list.write.result[0].id }]
    resources = jsonencode({
      "com.cloudflare.edge.r2.bucket.${var.account_id}_default_${var.bucket}" = "*"
    })
  }]
}

output "access_key" {
  value = cloudflare_account_token.service.id
}

output "secret_key" {
  value     = sha256(cloudflare_account_token.service.value)
  sensitive = true
}
