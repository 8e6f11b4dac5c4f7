// Signing keys in this browser: made or imported here, never to be read again, not even by this page.
import { Author, SigningKey } from "../vendor/counterfoil-client.js";
import { all, put, remove } from "./store.js";
import { host } from "./trust.js";

/** The shortest passphrase of a file that is handed out, as the command line asks for. */
export const PASSPHRASE_MIN = 16;
const PARTY = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;

/** @typedef {{ host: string, party: string, id: string, secret: CryptoKey, publicKey: Uint8Array<ArrayBuffer>, since: Date }} KeptKey */

/** @param {string} party */
export const isParty = (party) => PARTY.test(party);

/** The keys for this host; of one party, or all. @param {string} [party] @returns {Promise<KeptKey[]>} */
export async function keptKeys(party) {
  const kept = /** @type {KeptKey[]} */ (await all("keys"));
  return kept.filter((each) => each.host === host() && (party === undefined || each.party === party));
}

/** @param {KeptKey} kept */
export async function authorOf(kept) {
  return new Author(kept.party, await SigningKey.fromSecret(kept.secret, kept.publicKey), kept.host);
}

/** A new key: kept here without a way out, and as a file that the passphrase encrypts, this once. @param {string} party @param {string} passphrase */
export async function newKey(party, passphrase) {
  const { key, pem } = await SigningKey.generate(passphrase);
  return { kept: await keep(party, key), pem };
}

/** A key file of the command line. Throws `FormatError`. @param {string} party @param {string} pem @param {string | undefined} passphrase */
export async function importKey(party, pem, passphrase) {
  return keep(party, await SigningKey.fromPem(pem, passphrase));
}

/** @param {KeptKey} kept */
export async function forgetKey(kept) {
  await remove("keys", nameOf(kept));
}

/** `KEY:PROOF`, as `counterfoil keys prove` prints it: what others need to register the key. @param {KeptKey} kept */
export async function proofOf(kept) {
  const { key } = await authorOf(kept);
  const { public_key, proof } = await key.prove(kept.host, kept.party);
  return `${public_key}:${proof}`;
}

/** @param {string} party @param {SigningKey} key @returns {Promise<KeptKey>} */
async function keep(party, { secret, publicKey, id }) {
  const kept = { host: host(), party, id, secret, publicKey, since: new Date() };
  await put("keys", nameOf(kept), kept);
  return kept;
}

/** @param {{ host: string, party: string, id: string }} kept */
const nameOf = ({ host, party, id }) => `${host} ${party} ${id}`;
