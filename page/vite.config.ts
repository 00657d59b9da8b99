import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const root = import.meta.dirname;
/** What the built files follow from; `tests/viewer/test_page_build.py` computes the same digest. */
const sources = [
  "index.html",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "vite.config.ts",
  "public",
  "src",
];

function files(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).flatMap((name) => files(join(path, name)));
}

function named(path: string, below: string): string {
  return relative(below, path).split(sep).join("/");
}

function digest(paths: string[], below: string): string {
  const hash = createHash("sha256");
  const byName = paths.map((path) => [named(path, below), path] as const);
  for (const [name, path] of byName.sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0`).update(createHash("sha256").update(readFileSync(path)).digest("hex"));
  return hash.digest("hex");
}

/** Writes down which sources were built into which files, so that a test without Node can tell stale ones. */
function manifest(): Plugin {
  let built: string;
  return {
    name: "manifest",
    apply: "build",
    configResolved({ build }) {
      built = resolve(root, build.outDir);
    },
    closeBundle() {
      const of = sources.flatMap((name) => files(join(root, name)));
      const into = files(built).filter((path) => !path.endsWith("manifest.json"));
      const text = JSON.stringify({ sources: digest(of, root), built: digest(into, built) }, null, 2);
      writeFileSync(join(built, "manifest.json"), `${text}\n`);
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [manifest()],
  build: {
    outDir: "../src/cryoglean/viewer/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
  },
  test: { include: ["tests/**/*.test.ts"] },
});
