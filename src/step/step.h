/*
 * `planton step`: one tiny process per engine command. It sandboxes and starts
 * the engine, holds its output files, times it, cleans up after it and leaves a
 * record of its end. It outlives the runner that started it, parses no output,
 * copies nothing and talks to no network.
 *
 *     planton step <attempt-dir> <launch-fd> <dir-fd> <record-fd> [<folder-fd> <users-fd>]
 *
 * launch-fd   a memfd with the launch parameters (launch.h): they may hold secrets
 *             and are never on disk nor in an argument
 * dir-fd      the attempt's folder; the path is only for people who read ps
 * record-fd   a memfd that gets a copy of the exit record, for a runner whose
 *             folder was deleted
 * folder-fd, users-fd
 *             of a pool of providers (pool.h): the engine inherits them, as 4 and 5
 *
 * In the folder: stdout and stderr (append-only), live (flocked by the step, the
 * engine and all that it starts: held means that something is alive), step
 * ({pid, starttime, bootId}) and, at the end, exit.json (exit_record.h).
 *
 * SIGTERM, SIGINT: one SIGINT to the engine, which ends gracefully; a second one
 * goes nowhere. SIGUSR1: kills the engine and all that it started.
 */
#pragma once

int step_main(int argc, char **argv);
