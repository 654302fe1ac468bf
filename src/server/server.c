/* The server role: starts its parts in order, runs the loop, and stops them in the opposite one. */
#include "server/server.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "api/api.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "base/ulid.h"
#include "control/resources.h"
#include "server/backup.h"
#include "server/embedded.h"
#include "server/local_access.h"
#include "server/master_key.h"
#include "server/options.h"
#include "server/places.h"
#include "server/ticker.h"

#define META_CLUSTER "cluster_id"
#define META_PORT    "listen_port"
/* Deep enough for JSON at its limit of nesting, small enough for a pool of threads. */
#define THREAD_STACK ((size_t)1 << 20)

struct server {
	const struct server_options *options;
	char *data, *cluster_id, *master_key_where, *admin_key_file, *url;
	bool is_new;
	int lock_fd;
	struct store *store;
	struct master_key *master_key;
	struct catalog *catalog;
	struct control *control;
	struct api *api;
	sd_event *loop;
	struct http_server *http;
	struct ticker *ticker;
	struct embedded_runner *runner;
};

static void server_release(struct server *s)
{
	ticker_stop(s->ticker); /* it wakes what waits in http */
	embedded_runner_leave(s->runner);
	http_server_stop(s->http);
	api_free(s->api);
	control_free(s->control);
	if (s->catalog)
		catalog_free(s->catalog);
	if (s->master_key)
		master_key_free(s->master_key);
	store_close(s->store);
	sd_event_unref(s->loop);
	safe_close(s->lock_fd);
	free(s->data);
	free(s->cluster_id);
	free(s->master_key_where);
	free(s->admin_key_file);
	free(s->url);
}

static void wake(const char *topic, void *server)
{
	struct server *s = server;
	api_wake(s->api, topic);
}

static int open_data(struct server *s, struct error **err)
{
	int r = data_dir_open(s->options->data, &s->data, &s->lock_fd, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *database = path_join(s->data, "planton.db", NULL);
	r = store_open(database, &s->store, err);
	if (r < 0)
		return r;
	return master_key_obtain(s->store, s->options->master_key_file, &s->master_key,
				 &s->master_key_where, err);
}

/* The built-in one comes first: those that are given add to it. */
static int load_catalog(struct server *s, struct error **err)
{
	_cleanup_strv_ char **directories = NULL;
	_cleanup_error_ struct error *none = NULL;
	char *const *given = s->options->catalogs;
	char *builtin;
	if (default_catalog(&builtin, &none) >= 0)
		strv_take(&directories, builtin);
	else if (none->code != ERROR_NOT_FOUND || !given)
		return error_move(err, &none);
	for (; given && *given; given++)
		strv_add(&directories, *given);
	return catalog_load(directories, strv_length(directories), &s->catalog, err);
}

static int meta_read(struct server *s, const char *key, char **ret, struct error **err)
{
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_begin(s->store, STORE_READ, &tx, err);
	return r < 0 ? r : meta_get(tx, key, ret, err);
}

static int meta_write(struct server *s, const char *key, const char *value, struct error **err)
{
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_begin(s->store, STORE_WRITE, &tx, err);
	if (r >= 0)
		r = meta_set(tx, key, value, err);
	return r < 0 ? r : store_commit(TAKE_PTR(tx), err);
}

static int bootstrap(struct server *s, struct error **err)
{
	static const struct actor system_actor = {.principal = "system", .admin = true};
	_cleanup_(work_rollbackp) struct work *w = NULL;
	int r = work_begin(s->control, &system_actor, STORE_WRITE, &w, err);
	if (r >= 0)
		r = meta_get(w->tx, META_CLUSTER, &s->cluster_id, err);
	if (r < 0)
		return r;
	if (!s->cluster_id) {
		s->is_new = true;
		s->cluster_id = id_new("cluster");
		r = meta_set(w->tx, META_CLUSTER, s->cluster_id, err);
	}
	if (r >= 0)
		r = resources_bootstrap(w, err);
	return r < 0 ? r : work_commit(TAKE_PTR(w), err);
}

static int start_control(struct server *s, struct error **err)
{
	const struct control_options o = {
		.store = s->store,
		.catalog = s->catalog,
		.master_key = s->master_key,
		.wake = wake,
		.wake_ctx = s,
		.lease_seconds = s->options->lease_seconds,
		.operation_timeout_seconds = s->options->operation_timeout_seconds,
	};
	int r = control_new(&o, &s->control, err);
	if (r < 0)
		return r;
	s->api = api_new(&(struct api_options){
		.control = s->control, .catalog = s->catalog, .store = s->store});
	return bootstrap(s, err);
}

/* A resource whose kind left the catalogue cannot be changed or destroyed until it is back. */
static int warn_of_lost_kinds(struct server *s, struct error **err)
{
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	_cleanup_strv_ char **kinds = NULL;
	int r = store_begin(s->store, STORE_READ, &tx, err);
	if (r >= 0)
		r = resource_kinds(tx, &kinds, err);
	for (char **kind = kinds; r >= 0 && kind && *kind; kind++) {
		const struct cloud_resource_kind *found;
		if (catalog_kind_find(s->catalog, *kind, &found, NULL) < 0)
			log_warning("there are resources of kind %s, and no catalogue has it: "
				    "their jobs will fail; say --catalog DIR",
				    *kind);
	}
	return r;
}

/* The address's port, or NULL when it has none. */
static const char *port_of(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	return colon ? colon + 1 : NULL;
}

static int listen_on(struct server *s, const char *address, struct error **err)
{
	struct http_server_options o = {.listen = address};
	api_describe(s->api, &o);
	return http_server_start(s->loop, &o, &s->http, err);
}

/* A port that was picked once is taken again, so that runners and contexts find the server. */
static int start_listening(struct server *s, struct error **err)
{
	const char *listen = s->options->listen, *port = port_of(listen);
	if (!port || !streq(port, "0"))
		return listen_on(s, listen, err);

	_cleanup_free_ char *before = NULL;
	int r = meta_read(s, META_PORT, &before, err);
	if (r < 0)
		return r;
	if (before) {
		_cleanup_free_ char *again =
			xasprintf("%.*s%s", (int)(port - listen), listen, before);
		_cleanup_error_ struct error *taken = NULL;
		if (listen_on(s, again, &taken) >= 0)
			return 0;
		log_warning("the port %s of before is taken: choosing another", before);
	}
	r = listen_on(s, listen, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *chosen = xasprintf("%u", http_server_port(s->http));
	return meta_write(s, META_PORT, chosen, err);
}

/* As it is reached from this machine. */
static char *local_url(const char *listen, unsigned port)
{
	const char *colon = strrchr(listen, ':');
	_cleanup_free_ char *host = xstrndup(listen, colon ? (size_t)(colon - listen) : 0);
	const char *shown = host;
	if (isempty(host) || streq(host, "0.0.0.0") || streq(host, "*"))
		shown = "127.0.0.1";
	else if (streq(host, "[::]"))
		shown = "[::1]";
	return xasprintf("http://%s:%u", shown, port);
}

static int start_http(struct server *s, struct error **err)
{
	int r = start_listening(s, err);
	if (r < 0) {
		error_hint(err, "choose another address: --listen 127.0.0.1:0 picks a free port");
		return r;
	}
	api_set_http(s->api, s->http);
	s->url = local_url(s->options->listen, http_server_port(s->http));
	return 0;
}

/* A server works without them; only the CLI beside it needs more said. */
static int give_access(struct server *s, struct error **err)
{
	int r = admin_key_ensure(s->control, s->cluster_id, &s->admin_key_file, err);
	if (r < 0)
		return r;
	_cleanup_error_ struct error *e = NULL;
	if (context_ensure(s->url, s->admin_key_file, &e) < 0) {
		_cleanup_free_ char *message = error_describe(e);
		log_warning("the context \"local\" was not written: %s", message);
	}
	return 0;
}

static int start_runner(struct server *s, struct error **err)
{
	if (s->options->no_runner)
		return 0;
	const struct embedded_options o = {
		.data = s->data,
		.url = s->url,
		.capacity = s->options->runner_capacity,
		.control = s->control,
	};
	return embedded_runner_start(s->loop, &o, &s->runner, err);
}

static int start_loop(struct server *s, struct error **err)
{
	static const int signals[] = {SIGTERM, SIGINT};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	int r = sd_event_new(&s->loop);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(signals); i++)
		r = sd_event_add_signal(s->loop, NULL, signals[i], NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(s->loop, true);
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "cannot make the event loop") : 0;
}

static void greet(const struct server *s)
{
	log_fields(LOG_LEVEL_INFO, "listening", "url", s->url, "data", s->data, "version",
		   PLANTON_VERSION, NULL);
	if (!s->is_new)
		return;
	fprintf(stderr,
		"\n"
		"Planton is ready at %s\n"
		"  data        %s\n"
		"  master key  %s   (keep a copy: without it no secret can be read)\n"
		"  your key    %s   (the context \"local\" uses it)\n"
		"\n"
		"Try: planton apply -f examples/01-playground.yaml --tail\n",
		s->url, s->data, s->master_key_where, s->admin_key_file);
}

static int start(struct server *s, struct error **err)
{
	int (*const steps[])(struct server * s, struct error * *err) = {
		start_loop,	    open_data,	load_catalog, start_control,
		warn_of_lost_kinds, start_http, give_access,  start_runner,
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i](s, err);
		if (r < 0)
			return r;
	}
	return ticker_start(s->control, s->store, &s->ticker, err);
}

/* Threads of a server do little at a time: few arenas, small stacks. */
static void be_small(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

static int serve(const struct server_options *o, struct error **err)
{
	_cleanup_(server_release) struct server s = {.options = o, .lock_fd = -1};
	be_small();
	int r = start(&s, err);
	if (r < 0)
		return r;
	greet(&s);
	malloc_trim(0);
	sd_notify(0, "READY=1");
	r = sd_event_loop(s.loop);
	sd_notify(0, "STOPPING=1");
	log_info("stopping");
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "the event loop failed") : 0;
}

static int run(const struct server_options *o, struct error **err)
{
	switch (o->command) {
	case SERVER_SERVE:
		return serve(o, err);
	case SERVER_BACKUP:
		return server_backup(o, err);
	case SERVER_RESTORE:
		return server_restore(o, err);
	case SERVER_PRINT_ROUTES:
		api_print_routes(stdout);
		return 0;
	case SERVER_HELP:
		server_options_help();
		return 0;
	}
	return 0;
}

int server_main(int argc, char **argv)
{
	_cleanup_(server_options_release) struct server_options options = {0};
	_cleanup_error_ struct error *e = NULL;
	int r = server_options_parse(argc, argv, &options, &e);
	if (r >= 0)
		r = run(&options, &e);
	if (r >= 0)
		return EXIT_CODE_OK;
	_cleanup_free_ char *message = error_describe(e);
	fprintf(stderr, "planton server: %s\n", message);
	if (e->hint)
		fprintf(stderr, "%s\n", e->hint);
	return error_code_exit(e->code);
}
