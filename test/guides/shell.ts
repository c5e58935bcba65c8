import { delimiter, dirname, join } from 'node:path'
import { root } from '../support/install.ts'

export const guides = join(root, 'test/guides')

/** The environment of a reader's shell: the binaries of the packages and this Node come first. */
export function readersEnvironment(): NodeJS.ProcessEnv {
  const runners = /^(NODE_ENV$|NODE_OPTIONS$|VITE|TEST$)/
  const path = [join(guides, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH']]
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !runners.test(name))),
    PATH: path.join(delimiter),
    NO_COLOR: '1',
    // wrangler asks nobody on the network.
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    // What a server listens to that is not told.
    HOST: '127.0.0.1',
  }
}
