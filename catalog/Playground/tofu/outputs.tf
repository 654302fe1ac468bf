output "message" {
  description = "The message, as it was applied."
  value       = var.spec.message
}

output "ids" {
  description = "The ids of the items."
  value       = terraform_data.item[*].id
}
