// The types of the bundle that build.mjs makes.
export * from "../../../typescript/src/index.js";
