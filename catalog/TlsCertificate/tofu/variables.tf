# Every module of the catalogue gets the resource's metadata; none has to use it.
variable "metadata" {
  description = "Of the cloud resource: name, slug, id, org, env, labels."
  type = object({
    name   = string
    slug   = optional(string, "")
    id     = optional(string, "")
    org    = optional(string, "")
    env    = optional(string, "")
    labels = optional(map(string), {})
  })
}

variable "spec" {
  type = object({
    common_name           = string
    organization          = optional(string, "")
    dns_names             = optional(list(string), [])
    ip_addresses          = optional(list(string), [])
    validity_hours        = optional(number, 8760)
    ca_validity_hours     = optional(number, 87600)
    early_renewal_hours   = optional(number, 720)
    key_algorithm         = optional(string, "ECDSA")
    client_authentication = optional(bool, false)
  })
}
