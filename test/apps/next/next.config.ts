import type { NextConfig } from 'next'

const { OUTPUT, DIST } = process.env

const config: NextConfig = {
  // One folder per build, so that the three servers of the suite can stand beside each other.
  distDir: DIST ?? '.next',
  ...(OUTPUT === 'standalone' && { output: 'standalone' }),
  // The lock file of the repository's root would make that the root of this app.
  outputFileTracingRoot: import.meta.dirname,
  turbopack: { root: import.meta.dirname },
}

export default config
