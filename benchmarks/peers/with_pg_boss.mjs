// pg-boss: node with_pg_boss.mjs DSN plain|tuned
import pg from "pg";
import { PgBoss } from "pg-boss";
import { createAndRecord, createTables } from "./work.mjs";

const [connectionString, manner] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString });

// By its defaults: a job every two seconds.
async function plain() {
  const boss = new PgBoss(connectionString);
  boss.on("error", console.error);
  await boss.start();
  await boss.createQueue("create_table");
  await boss.work("create_table", async ([job]) => {
    const client = await pool.connect();
    try {
      await createAndRecord(client, job.data);
    } finally {
      client.release();
    }
  });
}

// With LISTEN/NOTIFY, two workers, and batches that are fetched one after another as long as they are full.
async function tuned() {
  const boss = new PgBoss({ connectionString, useListenNotify: true });
  boss.on("error", console.error);
  await boss.start();
  await boss.createQueue("create_table", { notify: true });
  const options = { batchSize: 25, burstWhenBatchFull: true, localConcurrency: 2 };
  await boss.work("create_table", options, (jobs) => createTables(pool, jobs.map((job) => job.data)));
}

await (manner === "tuned" ? tuned() : plain());
console.log("ready");
