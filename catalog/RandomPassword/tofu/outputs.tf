output "password" {
  description = "The password."
  value       = random_password.this.result
  sensitive   = true
}
