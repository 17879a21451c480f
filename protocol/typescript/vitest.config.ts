import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const src = fileURLToPath(new URL("src", import.meta.url));

const config: ViteUserConfig = defineConfig({
  resolve: {
    // by its name, as who has installed it
    alias: [
      { find: /^@ai-sidecar\/client$/, replacement: `${src}/index.ts` },
      { find: /^@ai-sidecar\/client\/(.+)$/, replacement: `${src}/$1.ts` },
    ],
  },
  test: {
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    isolate: false, // the files share no state, and workers take half a second to start
    execArgv: ["--expose-gc"], // what is kept is measured after a collection
    testTimeout: 30_000,
  },
});
export default config;
