output "uri" { value = "vault" }
