// An application on Node's pg: asks for tables, waits, uses them, and is ready for each way in which it may go wrong.
// SCHEMAD_DSN names the database; the login needs schemad_requester. Run: npm ci && node with_pg.mjs
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const TASKS = {
  fields: [
    { name: "title", type: "text", nullable: false },
    { name: "done", type: "boolean", nullable: false, default: false },
  ],
};
const REFUSED = { fields: [{ name: "title", type: "varchar(0)" }] };
const HELD = { fields: [{ name: "owner", type: "text", default: { expression: "current_setting('app.user')" } }] };
const FAILING = { fields: [{ name: "start", type: "smallint", default: { expression: "99999" } }] };
const OTHER = { fields: [{ name: "note", type: "text" }] };

// Submits a request and returns its id. Where a limit says when to come back, it does so then.
async function submit(client, table, payload, key = null) {
  for (;;) {
    try {
      const { rows } = await client.query("SELECT schemad.submit_request($1, $2, $3, $4) AS id", [
        "node",
        table,
        JSON.stringify(payload),
        key,
      ]);
      return rows[0].id;
    } catch (error) {
      const seconds = /Come back in (\d+) s/.exec(error.hint ?? "");
      if (error.code !== "53400" || seconds === null) throw error;
      console.log(`limited: ${error.message}`);
      await sleep(Number(seconds[1]) * 1000);
    }
  }
}

// Returns the request once it is decided or held. Not within the transaction that submitted it.
async function wait(client, id) {
  const { rows } = await client.query(
    "SELECT r.id, r.status, r.verdict, r.findings, schemad.request_message(r) AS message " +
      "FROM schemad.wait_for_request($1) AS r",
    [id],
  );
  return rows[0];
}

async function count(client, statement, parameters = []) {
  return Number((await client.query(statement, parameters)).rows[0].count);
}

// The way it usually goes.
async function askAndUse(client) {
  const request = await wait(client, await submit(client, "tasks", TASKS));
  console.log(`${request.status}: ${request.message}`);
  await client.query("INSERT INTO tasks (title) VALUES ($1)", ["write an example"]);
  console.log("rows:", await count(client, "SELECT count(*) FROM tasks"));
}

// What can't be right is an error of the statement: with a SQLSTATE, a rule and what would pass.
async function beRefused(client) {
  try {
    await submit(client, "refused", REFUSED);
  } catch (error) {
    const rule = /^Rule ([\w.]+)/.exec(error.detail ?? "");
    console.log(`refused: ${error.code} ${rule?.[1]}: ${error.hint}`);
  }
}

// What is not low-risk waits for a person: go on without the table, or withdraw the request as here.
async function beHeld(client) {
  const request = await wait(client, await submit(client, "held", HELD));
  console.log(`${request.verdict}: ${request.message}`);
  await client.query("SELECT schemad.cancel_request($1)", [request.id]);
}

// Where PostgreSQL refuses the plan nothing is kept of it, and a finding has PostgreSQL's own words.
async function fail(client) {
  const request = await wait(client, await submit(client, "failing", FAILING));
  console.log(`${request.verdict}: ${request.findings[0].message}`);
  await client.query("SELECT schemad.cancel_request($1)", [request.id]);
}

// A key makes it safe to send a request again after a lost connection. For another request it is an error.
async function askTwice(client) {
  const first = await submit(client, "tasks", TASKS, "node-1");
  console.log("same request:", first === (await submit(client, "tasks", TASKS, "node-1")));
  try {
    await submit(client, "tasks", OTHER, "node-1");
  } catch (error) {
    if (error.code !== "23505") throw error;
    console.log(`key reused: ${error.code}`);
  }
}

// Is told of the decision instead of asking for it. Listen first: what was sent before is told to nobody.
async function listen(client) {
  const listener = new pg.Client({ connectionString: process.env.SCHEMAD_DSN });
  await listener.connect();
  const told = [];
  let wake = () => {};
  listener.on("notification", (message) => {
    told.push(JSON.parse(message.payload));
    wake();
  });
  await listener.query("LISTEN schemad_decisions");
  const id = await submit(client, "tasks", TASKS);
  const deadline = sleep(30_000, "late", { ref: false });
  for (;;) {
    const decision = told.find((each) => each.id === id); // the others are other ones'
    if (decision) {
      console.log("told:", decision.status);
      break;
    }
    if ((await Promise.race([new Promise((resolve) => (wake = resolve)), deadline])) === "late") {
      throw new Error("nothing was decided within 30 s");
    }
  }
  await listener.end();
}

// A request is part of the transaction that submits it: rolled back, it was never there.
async function askInATransaction(client) {
  await client.query("BEGIN");
  await client.query("INSERT INTO tasks (title) VALUES ('never')");
  const undone = await submit(client, "notes", OTHER);
  await client.query("ROLLBACK");
  const left = await count(client, "SELECT count(*) FROM schemad.schema_requests WHERE id = $1", [undone]);
  console.log("after the rollback:", left);

  await client.query("BEGIN");
  const kept = await submit(client, "notes", OTHER);
  await client.query("COMMIT");
  console.log("after the commit:", (await wait(client, kept)).status);
}

const client = new pg.Client({ connectionString: process.env.SCHEMAD_DSN });
await client.connect();
try {
  await askAndUse(client);
  await beRefused(client);
  await beHeld(client);
  await fail(client);
  await askTwice(client);
  await listen(client);
  await askInATransaction(client);
} finally {
  await client.end();
}
