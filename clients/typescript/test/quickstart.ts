import { readFile } from "node:fs/promises";
import {
  Author,
  after,
  type Command,
  Gateway,
  parseVerifyKeys,
  Refused,
  SigningKey,
  verifyReceipt,
} from "@counterfoil/client";

const { COUNTERFOIL_HOME: home = "var/market", COUNTERFOIL_URL: url = "http://127.0.0.1:8440" } = process.env;
const read = (path: string) => readFile(`${home}/${path}`, "utf8");

// Sign as the operator, with the key file that `counterfoil init` has made.
const gateway = new Gateway(url);
const operator = new Author("operator", await SigningKey.fromPem(await read("keys/operator.pem")), "market.example");

// Register a party with a new key. Keep `pem`, and keep it secret.
const { key, pem } = await SigningKey.generate();
const registration: Command = {
  type: "register_party",
  v: 2,
  body: {
    party_id: "zenith",
    name: "Zenith Models (fictional)",
    roles: ["beneficiary"],
    group_id: "zenith",
    key: await key.prove("market.example", "zenith"),
    recovery_key: null,
    looks_like: null,
  },
};

// Keep `command.envelope` until there is a receipt: the same bytes may be sent again, whatever has happened to them.
const command = await operator.sign(registration);
const receipt = await gateway.submit(command);

// Believe the receipt because a pinned key has signed it, not because of who sent it.
const pinned = await parseVerifyKeys(await read("logs/issuance/main/vkey"));
const { entry, checkpoint } = await verifyReceipt(receipt, pinned, command);
console.log(`entry ${entry.data.index} of ${checkpoint.origin} for a key of ${pem.length} characters`);

// Read your own writes.
const own = { waitFor: [after(receipt)] };
for await (const party of gateway.rows("parties", { group_id: "zenith" }, own)) console.log(party.party_id);

// A refusal has a stable code and, once it is an entry of the log, a receipt of its own.
try {
  await gateway.submit(await operator.sign(registration, { seen: checkpoint }));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(`${error.code}: ${error.problem.title}`);
}

// Later: the log has only grown since the checkpoint that was believed last.
const newest = await gateway.checkpoint("issuance/main", pinned, checkpoint);
console.log(newest.size > entry.data.index);
