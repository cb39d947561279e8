# A private container at Azure Blob Storage, and an identity that signs for it: docs/terraform.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.55"
    }
  }
}

variable "subscription_id" {
  type = string
}

variable "resource_group" {
  type = string
}

variable "location" {
  type = string
}

variable "account" {
  type = string
}

variable "container" {
  type = string
}

variable "origins" {
  description = "The pages that upload, such as https://app.example.com"
  type        = list(string)
}

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true
  features {}
}

resource "azurerm_storage_account" "files" {
  name                            = var.account
  resource_group_name             = var.resource_group
  location                        = var.location
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  allow_nested_items_to_be_public = false
  # The account's key may do everything.
  shared_access_key_enabled = false

  # Without a rule for deleted blobs, what is removed is not kept.
  blob_properties {
    cors_rule {
      allowed_origins    = var.origins
      allowed_methods    = ["GET", "PUT"]
      allowed_headers    = ["content-md5", "content-type", "x-ms-blob-content-type", "x-ms-blob-type", "x-ms-meta-valetkey_grant"]
      exposed_headers    = ["ETag"]
      max_age_in_seconds = 3600
    }
  }
}

resource "azurerm_storage_container" "files" {
  name                  = var.container
  storage_account_id    = azurerm_storage_account.files.id
  container_access_type = "private"
}

resource "azurerm_user_assigned_identity" "service" {
  name                = "valetkey"
  resource_group_name = var.resource_group
  location            = var.location
}

resource "azurerm_role_definition" "valetkey" {
  name        = "Valetkey"
  scope       = "/subscriptions/${var.subscription_id}"
  description = "Signs uploads and downloads of blobs, and confirms, lists and removes them"
  permissions {
    actions     = ["Microsoft.Storage/storageAccounts/blobServices/containers/read"]
    not_actions = []
    data_actions = [
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
      "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
    ]
    not_data_actions = []
  }
  assignable_scopes = ["/subscriptions/${var.subscription_id}"]
}

resource "azurerm_role_assignment" "container" {
  scope              = "${azurerm_storage_account.files.id}/blobServices/default/containers/${azurerm_storage_container.files.name}"
  role_definition_id = azurerm_role_definition.valetkey.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.service.principal_id
}

resource "azurerm_role_assignment" "delegator" {
  scope                = azurerm_storage_account.files.id
  role_definition_name = "Storage Blob Delegator"
  principal_id         = azurerm_user_assigned_identity.service.principal_id
}
