import { vitePlugin as remix } from '@remix-run/dev'
import { defineConfig } from 'vite'

// Remix 2 with its single fetch, and as it is without its future flags: on its own `Response`.
const future = process.env['FUTURE'] === 'none' ? {} : { v3_singleFetch: true }

export default defineConfig({
  plugins: [remix({ future, buildDirectory: process.env['BUILD'] ?? 'build' })],
  // As for a server that is bundled whole.
  ssr: { noExternal: process.env['BUNDLED'] === undefined ? [] : ['background-tasks'] },
  server: { hmr: { host: '127.0.0.1' } },
})
