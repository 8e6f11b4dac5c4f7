// Writes src/generated/ from the published contract in schemas/: types of every command, event and view.
//
// openapi-typescript reads OpenAPI 3.1, whose schemas are JSON Schema 2020-12. So the gateway's document and the schemas
// of commands, events and entries become one document, and one generator makes all types.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const SCHEMAS = new URL("../../schemas/", import.meta.url);
const OUT = new URL("src/generated/", import.meta.url);
/** Everything that is made from here on; what an earlier build left would be tested and packed, too. */
const MADE = ["src/generated/", "dist/", "build/"].map((path) => new URL(path, import.meta.url));
const PREFIX = "urn:counterfoil:schema:";
const HEAD = "// Made by generate.mjs from schemas/. Do not edit.\n\n";

const load = async (name) => JSON.parse(await readFile(new URL(name, SCHEMAS), "utf8"));
const loadFolder = async (name) =>
  Promise.all((await readdir(new URL(name, SCHEMAS))).sort().map((file) => load(name + file)));

/** `urn:counterfoil:schema:command:place_bid:v1` as the name of a component: `command.place_bid.v1`. */
const componentOf = (id) => id.slice(PREFIX.length).replaceAll(":", ".");

/** A schema whose references lead to components; its own definitions become components, too. */
function adopt(schema, components) {
  const name = componentOf(schema.$id);
  const refer = (value) => {
    if (Array.isArray(value)) return value.map(refer);
    if (value === null || typeof value !== "object") return value;
    const copy = {};
    for (const [key, member] of Object.entries(value)) {
      if (key === "$defs" || key === "$id" || key === "$schema") continue;
      copy[key] = key === "$ref" ? target(member) : refer(member);
    }
    return copy;
  };
  const target = (ref) =>
    ref.startsWith("#/$defs/")
      ? `#/components/schemas/${name}.${ref.slice("#/$defs/".length)}`
      : `#/components/schemas/${componentOf(ref)}`;
  components[name] = refer(schema);
  for (const [part, definition] of Object.entries(schema.$defs ?? {}))
    components[`${name}.${part}`] = refer(definition);
}

/** Which service decides a command, as the AsyncAPI document says: `{"place_bid": "matching"}`. */
function servicesOf(asyncapi) {
  const found = {};
  for (const [channel, { messages }] of Object.entries(asyncapi.channels)) {
    const service = /^counterfoil\.([a-z]+)\.commands$/.exec(channel)?.[1];
    for (const message of service ? Object.keys(messages) : []) {
      const type = /^([a-z_]+)\.v\d+$/.exec(message)?.[1];
      if (type && type !== "batch") found[type] = service;
    }
  }
  return found;
}

function tables(commands, events, openapi, refusals, services) {
  const bodies = commands.map(({ $id }) => /command:([a-z_]+):v(\d+)$/.exec($id).slice(1));
  for (const [type] of bodies) if (!(type in services)) throw new Error(`no service decides ${type}`);
  const union = (name, text, members) =>
    `/** ${text} */\nexport type ${name} =\n${members.map((each) => `  | ${each}`).join("\n")};\n`;
  const views = Object.entries(openapi.paths)
    .filter(([, { get }]) => get?.operationId?.startsWith("list_"))
    .map(([path]) => `  "${path.slice("/v1/".length)}": ListOf<"${path}">;`);
  return [
    'import type { components, paths } from "./api.js";\n',
    union(
      "Command",
      "What a party asks for: a command's type, version and body.",
      bodies.map(([type, v]) => `{ type: "${type}"; v: ${v}; body: components["schemas"]["command.${type}.v${v}"] }`),
    ),
    union(
      "Event",
      "What a log says has happened.",
      events.map(({ $id }) => `components["schemas"]["event.${$id.slice(`${PREFIX}event:`.length)}"]`),
    ),
    union(
      "RefusalCode",
      "Why a command was refused; schemas/refusals.md says what each means.",
      refusals.map((each) => `"${each}"`),
    ),
    "type ListOf<P extends keyof paths> = paths[P] extends {\n" +
      '  get: { parameters: { query?: infer Q }; responses: { 200: { content: { "application/json": { items?: (infer R)[] } } } } };\n' +
      '}\n  ? { row: R; filters: Omit<NonNullable<Q>, "after" | "limit" | "wait_for"> }\n  : never;\n',
    `/** The gateway's lists: the row of each, and by what it is filtered. */\nexport interface Views {\n${views.join("\n")}\n}\n`,
    `/** The service whose log decides a command. */\nexport const SERVICE_OF = ${JSON.stringify(services, null, 2)} as const;\n`,
  ].join("\n");
}

const [openapi, asyncapi, refusals, entry, commands, events] = await Promise.all([
  load("openapi.json"),
  load("asyncapi.json"),
  load("refusals.json"),
  load("entry.schema.json"),
  loadFolder("commands/"),
  loadFolder("events/"),
]);
const components = { ...openapi.components.schemas };
for (const schema of [entry, ...commands, ...events]) adopt(schema, components);
const types = astToString(await openapiTS({ ...openapi, components: { ...openapi.components, schemas: components } }));
await Promise.all(MADE.map((folder) => rm(folder, { recursive: true, force: true })));
await mkdir(OUT, { recursive: true });
await writeFile(new URL("api.ts", OUT), HEAD + types);
await writeFile(
  new URL("tables.ts", OUT),
  HEAD +
    tables(
      commands,
      events,
      openapi,
      refusals.map(({ code }) => code),
      servicesOf(asyncapi),
    ),
);
