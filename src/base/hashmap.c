/* Open addressing with linear probing; removal shifts back, so there are no tombstones. */
#include "base/hashmap.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define INITIAL_SLOTS 16

struct slot {
	char *key; /* NULL: free */
	void *value;
	uint64_t hash;
};

struct hashmap {
	struct slot *slots;
	size_t n_slots; /* a power of two */
	size_t count;
	void (*free_value)(void *value);
};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static unsigned char seed[crypto_shorthash_KEYBYTES];

static void make_seed(void)
{
	if (getentropy(seed, sizeof(seed)) < 0)
		abort();
}

static uint64_t hash_key(const char *key)
{
	uint64_t hash;
	_Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "one word");
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key, strlen(key), seed);
	return hash;
}

struct hashmap *hashmap_new(void (*free_value)(void *value))
{
	pthread_once(&seed_once, make_seed);
	struct hashmap *map = xcalloc(1, sizeof(*map));
	map->n_slots = INITIAL_SLOTS;
	map->slots = xcalloc(map->n_slots, sizeof(*map->slots));
	map->free_value = free_value;
	return map;
}

void hashmap_free(struct hashmap *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->n_slots; i++) {
		if (map->slots[i].key && map->free_value)
			map->free_value(map->slots[i].value);
		free(map->slots[i].key);
	}
	free(map->slots);
	free(map);
}

/* The slot that holds the key, or the free one where it would go. */
static struct slot *find(const struct hashmap *map, const char *key, uint64_t hash)
{
	size_t mask = map->n_slots - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &map->slots[i];
		if (!slot->key || (slot->hash == hash && strcmp(slot->key, key) == 0))
			return slot;
	}
}

static void double_slots(struct hashmap *map)
{
	struct slot *old = map->slots;
	size_t n_old = map->n_slots;
	map->n_slots *= 2;
	map->slots = xcalloc(map->n_slots, sizeof(*map->slots));
	for (size_t i = 0; i < n_old; i++)
		if (old[i].key)
			*find(map, old[i].key, old[i].hash) = old[i];
	free(old);
}

bool hashmap_put(struct hashmap *map, const char *key, void *value)
{
	uint64_t hash = hash_key(key);
	struct slot *slot = find(map, key, hash);
	if (slot->key) {
		if (map->free_value && slot->value != value)
			map->free_value(slot->value);
		slot->value = value;
		return false;
	}
	if ((map->count + 1) * 4 > map->n_slots * 3) {
		double_slots(map);
		slot = find(map, key, hash);
	}
	*slot = (struct slot){.key = xstrdup(key), .value = value, .hash = hash};
	map->count++;
	return true;
}

void *hashmap_get(const struct hashmap *map, const char *key)
{
	return find(map, key, hash_key(key))->value;
}

bool hashmap_contains(const struct hashmap *map, const char *key)
{
	return find(map, key, hash_key(key))->key != NULL;
}

/* Frees the key, and moves back what had been pushed past this slot. */
static void vacate(struct hashmap *map, struct slot *slot)
{
	size_t mask = map->n_slots - 1;
	size_t hole = (size_t)(slot - map->slots);
	free(slot->key);
	for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
		size_t home = map->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct slot){0};
	map->count--;
}

void *hashmap_steal(struct hashmap *map, const char *key)
{
	struct slot *slot = find(map, key, hash_key(key));
	if (!slot->key)
		return NULL;
	void *value = slot->value;
	vacate(map, slot);
	return value;
}

bool hashmap_remove(struct hashmap *map, const char *key)
{
	struct slot *slot = find(map, key, hash_key(key));
	if (!slot->key)
		return false;
	void *value = slot->value;
	vacate(map, slot);
	if (map->free_value)
		map->free_value(value);
	return true;
}

size_t hashmap_count(const struct hashmap *map)
{
	return map->count;
}

bool hashmap_next(const struct hashmap *map, size_t *position, const char **ret_key,
		  void **ret_value)
{
	while (*position < map->n_slots) {
		const struct slot *slot = &map->slots[(*position)++];
		if (!slot->key)
			continue;
		if (ret_key)
			*ret_key = slot->key;
		if (ret_value)
			*ret_value = slot->value;
		return true;
	}
	return false;
}
