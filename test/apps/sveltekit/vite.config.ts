import adapter from '@sveltejs/adapter-node'
import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig } from 'vite'

// Built twice: once with the hook of src/hooks.server.ts, and once with bare endpoints only.
const plain = process.env['PLAIN'] !== undefined

export default defineConfig({
  plugins: [
    sveltekit({
      adapter: adapter({ out: plain ? 'build/plain' : 'build/hooked' }),
      files: plain ? { routes: 'plain', hooks: { server: 'plain/no-hooks' } } : {},
    }),
  ],
})
