output "ca_cert_pem" {
  description = "The certificate of the authority: what clients have to trust."
  value       = tls_self_signed_cert.ca.cert_pem
}

output "cert_pem" {
  description = "The certificate."
  value       = tls_locally_signed_cert.leaf.cert_pem
}

output "private_key_pem" {
  description = "The certificate's private key (PKCS #8)."
  value       = tls_private_key.leaf.private_key_pem_pkcs8
  sensitive   = true
}

output "not_after" {
  description = "When the certificate ends."
  value       = tls_locally_signed_cert.leaf.validity_end_time
}
