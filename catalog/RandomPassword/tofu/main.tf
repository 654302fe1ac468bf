terraform {
  required_version = ">= 1.6"
  required_providers {
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }
}

resource "random_password" "this" {
  length           = var.spec.length
  special          = var.spec.special
  override_special = var.spec.override_special
  min_lower        = var.spec.min_lower
  min_upper        = var.spec.min_upper
  min_numeric      = var.spec.min_numeric
  min_special      = var.spec.special ? var.spec.min_special : 0
  keepers          = var.spec.keepers
}
