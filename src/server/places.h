/* Where things are on this machine. */
#pragma once

#include "base/error.h"

/* $XDG_DATA_HOME/planton, else ~/.local/share/planton; root: /var/lib/planton. NULL without a home
 * folder. The caller frees these. */
char *default_data_dir(void);
/* $XDG_CONFIG_HOME/planton, else ~/.config/planton; made when missing (0700). */
int config_dir(char **ret, struct error **err);
/* <datadir>/planton/catalog of the build's prefix. */
extern const char installed_catalog[];
/* The running binary, also when it was replaced meanwhile. */
int own_binary(char **ret, struct error **err);
/* The catalogue that belongs to the binary: in the source tree that it was built in, else where it
 * was installed. */
int default_catalog(char **ret, struct error **err);

/*
 * Makes the folder (0700), takes its lock, and gives its absolute path. The lock lasts as long as
 * *ret_lock_fd is open. ERROR_LOCKED names the process that uses it.
 */
int data_dir_open(const char *path, char **ret_path, int *ret_lock_fd, struct error **err);
