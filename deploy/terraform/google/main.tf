# A private bucket at Google Cloud Storage, and an account for each of the three keys:
# docs/terraform.md. The service runs as valetkey-service, and signs as the two others.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

variable "project" {
  type = string
}

variable "location" {
  type    = string
  default = "EU"
}

variable "bucket" {
  type = string
}

variable "origins" {
  description = "The pages that upload, such as https://app.example.com"
  type        = list(string)
}

resource "google_storage_bucket" "files" {
  project                     = var.project
  name                        = var.bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Otherwise what is removed is kept for seven days more.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  cors {
    origin = var.origins
    method = ["GET", "PUT"]
    response_header = [
      "Content-MD5",
      "Content-Type",
      "ETag",
      "x-goog-content-length-range",
      "x-goog-hash",
      "x-goog-if-generation-match",
      "x-goog-meta-valetkey-grant",
    ]
    max_age_seconds = 3600
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 3
      matches_prefix = ["incoming/"]
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age            = 1
      matches_prefix = ["incoming/"]
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age            = 1
      matches_prefix = ["orgs/"]
    }
  }
}

locals {
  objects = "projects/_/buckets/${var.bucket}/objects"
  keys = {
    put = {
      title = "Valetkey put"
      permissions = [
        "storage.multipartUploads.create",
        "storage.objects.create",
      ]
      condition = ["resource.name.startsWith(\"${local.objects}/orgs/\") || resource.name.startsWith(\"${local.objects}/incoming/\")"]
    }
    get = {
      title       = "Valetkey get"
      permissions = ["storage.objects.get"]
      condition   = ["resource.name.startsWith(\"${local.objects}/orgs/\")"]
    }
    service = {
      title = "Valetkey service"
      permissions = [
        "storage.buckets.get",
        "storage.multipartUploads.abort",
        "storage.multipartUploads.create",
        "storage.multipartUploads.list",
        "storage.multipartUploads.listParts",
        "storage.objects.create",
        "storage.objects.delete",
        "storage.objects.get",
        "storage.objects.list",
      ]
      condition = []
    }
  }
}

resource "google_service_account" "key" {
  for_each   = local.keys
  project    = var.project
  account_id = "valetkey-${each.key}"
}

resource "google_project_iam_custom_role" "key" {
  for_each    = local.keys
  project     = var.project
  role_id     = "valetkey_${each.key}"
  title       = each.value.title
  permissions = each.value.permissions
}

resource "google_storage_bucket_iam_member" "key" {
  for_each = local.keys
  bucket   = google_storage_bucket.files.name
  role     = google_project_iam_custom_role.key[each.key].id
  member   = google_service_account.key[each.key].member

  dynamic "condition" {
    for_each = each.value.condition
    content {
      title      = "valetkey_${each.key}"
      expression = condition.value
    }
  }
}

resource "google_project_iam_custom_role" "sign" {
  project     = var.project
  role_id     = "valetkey_sign"
  title       = "Valetkey sign"
  permissions = ["iam.serviceAccounts.signBlob"]
}

resource "google_service_account_iam_member" "sign" {
  for_each           = local.keys
  service_account_id = google_service_account.key[each.key].name
  role               = google_project_iam_custom_role.sign.id
  member             = google_service_account.key["service"].member
}
