# A certificate authority of its own and one certificate signed by it.
terraform {
  required_version = ">= 1.6"
  required_providers {
    tls = {
      source  = "hashicorp/tls"
      version = "~> 4.0"
    }
  }
}

resource "tls_private_key" "ca" {
  algorithm   = var.spec.key_algorithm
  ecdsa_curve = "P256"
  rsa_bits    = 3072
}

resource "tls_self_signed_cert" "ca" {
  private_key_pem       = tls_private_key.ca.private_key_pem
  is_ca_certificate     = true
  set_subject_key_id    = true
  validity_period_hours = var.spec.ca_validity_hours
  early_renewal_hours   = min(var.spec.early_renewal_hours, var.spec.ca_validity_hours - 1)
  allowed_uses          = ["cert_signing", "crl_signing", "digital_signature"]

  subject {
    common_name  = "${var.spec.common_name} CA"
    organization = var.spec.organization == "" ? null : var.spec.organization
  }
}

resource "tls_private_key" "leaf" {
  algorithm   = var.spec.key_algorithm
  ecdsa_curve = "P256"
  rsa_bits    = 3072
}

resource "tls_cert_request" "leaf" {
  private_key_pem = tls_private_key.leaf.private_key_pem
  # Clients look at the alternative names only, so the common name is one of them, unless it is an address.
  dns_names    = distinct(concat(can(regex("^[0-9.]+$|:", var.spec.common_name)) ? [] : [var.spec.common_name], var.spec.dns_names))
  ip_addresses = distinct(concat(can(regex("^[0-9.]+$|:", var.spec.common_name)) ? [var.spec.common_name] : [], var.spec.ip_addresses))

  subject {
    common_name  = var.spec.common_name
    organization = var.spec.organization == "" ? null : var.spec.organization
  }
}

resource "tls_locally_signed_cert" "leaf" {
  cert_request_pem      = tls_cert_request.leaf.cert_request_pem
  ca_private_key_pem    = tls_private_key.ca.private_key_pem
  ca_cert_pem           = tls_self_signed_cert.ca.cert_pem
  set_subject_key_id    = true
  validity_period_hours = var.spec.validity_hours
  early_renewal_hours   = min(var.spec.early_renewal_hours, var.spec.validity_hours - 1)
  allowed_uses = concat(
    ["digital_signature", "key_encipherment", "server_auth"],
    var.spec.client_authentication ? ["client_auth"] : [],
  )
}
