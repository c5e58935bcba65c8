/**
 * Prints the size of the core, and what each special case that is a file of its own adds to it:
 * `npm run size`.
 */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the rest of the core needs of the file, doing nothing. */
const empty: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a platform’s deadline': {
    'hosts/deadline.ts':
      'export const findPlatformDeadline = () => {}, onUnload = () => {}, deadlineOfWorker = () => {}, isLambdaContext = () => false, deadlineOfLambda = () => {}',
    'tasks/deadline.ts': 'export const watchDeadline = () => {}',
  },
  'answers that frameworks throw': { 'handler/thrown.ts': 'export const answerOf = () => {}' },
  'what is odd about Bun': {
    'hosts/bun.ts': 'export const bun = {}, isBun = false, isStaticOnBun = () => false',
  },
  'HTTP/2 on Node.js': {
    'hosts/node-http2.ts':
      "export const observeHttp2 = () => {}, clientWentAway = () => new DOMException('The client went away', 'AbortError')",
  },
  'unknown options are refused': { 'util/options.ts': 'export const checkOptions = () => {}' },
  limit: { 'tasks/limited.ts': 'export const beginWithin = () => {}' },
  'what is odd about Deno': {
    'hosts/deno.ts':
      'export const deno = {}, isDeno = false, isDenoInfo = () => false, isStaticOnDeno = () => false',
  },
  'one promise in a busy period': { 'handler/busy.ts': 'export const holdWhileBusy = () => {}' },
}

/** What a bundler makes of the core, which is all that the readers of a page would have to load. */
export interface Bundle {
  /** Minified. */
  readonly code: string
  readonly inputs: readonly string[]
  readonly imports: readonly string[]
}

/** Bytes, minified and gzipped. */
export async function sizeOf(
  names: string,
  without: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { code } = await bundle(names, without)
  return gzipSync(code, { level: 9 }).length
}

// The source, not dist: nothing has to be built before.
export async function bundle(
  names: string,
  without: Readonly<Record<string, string>> = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export ${names} from './src/index.ts'`, resolveDir: root },
    alias: { '#platform-wait-until': './src/hosts/platform-wait-until.ts' },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    metafile: true,
    write: false,
    plugins: [
      {
        name: 'without',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const file = Object.keys(without).find((each) => path.endsWith(`src/${each}`))
            return file === undefined ? undefined : { contents: without[file] ?? '', loader: 'ts' }
          })
        },
      },
    ],
  })
  return {
    code: outputFiles.map(({ text }) => text).join(''),
    inputs: Object.keys(metafile.inputs).filter((path) => path !== '<stdin>'),
    imports: Object.values(metafile.outputs).flatMap((output) =>
      output.imports.map(({ path }) => path),
    ),
  }
}

if (import.meta.main) {
  const whole = await sizeOf('*')
  console.log(`The core: ${whole} bytes minified and gzipped`)
  console.log(`BackgroundTasks alone: ${await sizeOf('{ BackgroundTasks }')}`)
  for (const [name, files] of Object.entries(empty)) {
    console.log(`${name}: ${whole - (await sizeOf('*', files))}`)
  }
}
