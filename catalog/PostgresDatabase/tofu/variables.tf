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
    database_name    = string
    owner_name       = optional(string)
    admin_role       = optional(string)
    connection_limit = optional(number, -1)
    extensions       = optional(list(string), [])
    grants = optional(list(object({
      role       = string
      privileges = list(string)
    })), [])
    password_version = optional(string, "1")
  })
}
