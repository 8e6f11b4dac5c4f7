// What this browser keeps: signing keys, pinned keys of logs, the newest checkpoints seen, and commands with their receipts.

const NAME = "counterfoil";
/** `keys`: by host, party and key id. `pins`, `heads`: by a log's origin. `outbox`: by command id. `receipts`: by origin and index. */
const STORES = /** @type {const} */ (["keys", "pins", "heads", "outbox", "receipts"]);

/** @typedef {(typeof STORES)[number]} Store */
/** @type {Promise<IDBDatabase> | undefined} */
let opened;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const each of STORES) request.result.createObjectStore(each);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {Store} store @param {string} key @returns {Promise<any>} */
export async function get(store, key) {
  return settled((await database()).transaction(store).objectStore(store).get(key));
}

/** All values, in the order of their keys. @param {Store} store @returns {Promise<any[]>} */
export async function all(store) {
  return settled((await database()).transaction(store).objectStore(store).getAll());
}

/** @param {Store} store @returns {Promise<string[]>} */
export async function keysOf(store) {
  return (await settled((await database()).transaction(store).objectStore(store).getAllKeys())).map(String);
}

/** Put all of these, unless the store has anything already: two tabs do not both. @param {Store} store @param {readonly [string, unknown][]} values @returns {Promise<void>} */
export async function putFirst(store, values) {
  const transaction = (await database()).transaction(store, "readwrite", { durability: "strict" });
  const kept = transaction.objectStore(store);
  if ((await settled(kept.count())) === 0) for (const [key, value] of values) kept.put(value, key);
  await finished(transaction);
}

/** Whole when it returns. @param {Store} store @param {string} key @param {unknown} value @returns {Promise<void>} */
export async function put(store, key, value) {
  await change(store, key, () => value);
}

/**
 * Change a value in one transaction, so that two tabs do not undo one another; `undefined` leaves it.
 * @param {Store} store @param {string} key @param {(before: any) => unknown} make @returns {Promise<void>}
 */
export async function change(store, key, make) {
  const transaction = (await database()).transaction(store, "readwrite", { durability: "strict" });
  const kept = transaction.objectStore(store);
  const value = make(await settled(kept.get(key)));
  if (value !== undefined) kept.put(value, key);
  await finished(transaction);
}

/** @param {Store} store @param {string} key @returns {Promise<void>} */
export async function remove(store, key) {
  const transaction = (await database()).transaction(store, "readwrite");
  transaction.objectStore(store).delete(key);
  await finished(transaction);
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
