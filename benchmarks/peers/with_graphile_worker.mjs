// graphile-worker, by its library: node with_graphile_worker.mjs DSN plain|tuned
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { createAndRecord, createTables, Gathering } from "./work.mjs";

const [connectionString, manner] = process.argv.slice(2);
// Its log has a line for each job; errors alone are enough here.
const logger = new Logger(() => (level, message) => level === "error" && console.error(message));

// With the settings of its quick start. It listens for jobs in any case.
function plain() {
  return run({
    connectionString,
    logger,
    concurrency: 5,
    pollInterval: 1000,
    taskList: {
      create_table: (request, helpers) => helpers.withPgClient((client) => createAndRecord(client, request)),
    },
  });
}

// With the batching that its page on performance recommends, and jobs that share a call.
function tuned() {
  const concurrentJobs = 100;
  const pool = new pg.Pool({ connectionString, max: 2 });
  const gathering = new Gathering((requests) => createTables(pool, requests));
  return run({
    preset: {
      worker: {
        connectionString,
        logger,
        concurrentJobs,
        maxPoolSize: 10,
        localQueue: { size: concurrentJobs + 1 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
    taskList: { create_table: (request) => gathering.create(request) },
  });
}

const runner = await (manner === "tuned" ? tuned() : plain());
console.log("ready");
await runner.promise;
