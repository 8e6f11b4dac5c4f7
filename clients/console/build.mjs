// Writes services/counterfoil/console/static/vendor/: what the console's pages load and the project did not write for them.
//
// Packages come from package-lock.json, whose hashes `npm ci` has checked. `assets.json` lists what was made, with versions,
// licences and hashes; the wheel is not built unless every file is as listed there.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const HERE = new URL("./", import.meta.url);
const OUT = new URL("../../services/counterfoil/console/static/vendor/", HERE);
const CLIENT = new URL("../typescript/", HERE);
/** Package, the file of it, its name here. */
const TAKEN = [["htmx.org", "dist/htmx.min.js", "htmx.min.js"]];

const locked = JSON.parse(await readFile(new URL("package-lock.json", HERE), "utf8")).packages;
const sha256 = (data) => createHash("sha256").update(data).digest("hex");

/** The TypeScript client as one module for browsers. */
async function bundledClient() {
  const { outputFiles } = await build({
    absWorkingDir: CLIENT.pathname,
    entryPoints: ["src/index.ts"],
    bundle: true,
    format: "esm",
    minify: true,
    platform: "browser",
    target: "es2022",
    write: false,
  });
  return outputFiles[0].contents;
}

async function taken(name, path) {
  const installed = JSON.parse(await readFile(new URL(`node_modules/${name}/package.json`, HERE), "utf8"));
  const { version, integrity, license } = locked[`node_modules/${name}`];
  if (installed.version !== version) throw new Error(`${name} ${installed.version} is installed, not ${version}: npm ci`);
  return { data: await readFile(new URL(`node_modules/${name}/${path}`, HERE)), version, license, integrity };
}

const client = JSON.parse(await readFile(new URL("package.json", CLIENT), "utf8"));
const data = await bundledClient();
const files = {
  "counterfoil-client.js": { package: client.name, version: client.version, license: client.license, sha256: sha256(data) },
};
await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
await writeFile(new URL("counterfoil-client.js", OUT), data);
for (const [name, path, file] of TAKEN) {
  const { data: content, ...known } = await taken(name, path);
  await writeFile(new URL(file, OUT), content);
  files[file] = { package: name, ...known, sha256: sha256(content) };
}
const texts = await Promise.all(
  [...new Set(TAKEN.map(([name]) => name))].map(async (name) => {
    const { version, license } = locked[`node_modules/${name}`];
    return `${name} ${version} (${license})\n\n${await readFile(new URL(`node_modules/${name}/LICENSE`, HERE), "utf8")}`;
  }),
);
const notices = `${texts.map((each) => each.trim()).join(`\n\n${"-".repeat(72)}\n\n`)}\n`;
await writeFile(new URL("NOTICES.txt", OUT), notices);
files["NOTICES.txt"] = { sha256: sha256(notices) };
await writeFile(new URL("assets.json", OUT), `${JSON.stringify(files, null, 2)}\n`);
