import node from '@astrojs/node'
import { defineConfig } from 'astro/config'

// Built twice: once with the middleware of src/middleware.ts, and once with bare endpoints only.
const plain = process.env['PLAIN'] !== undefined

export default defineConfig({
  output: 'server',
  adapter: node({ mode: 'standalone' }),
  srcDir: plain ? './plain' : './src',
  outDir: plain ? './dist/plain' : './dist/provided',
})
