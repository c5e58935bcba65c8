import { installRuntime } from '../hosts/install.ts'
import { installLinked } from '../support/install.ts'

/** Installs what only the benchmarks need, and what the hosts' suite has already. */
export default async function setUp(): Promise<void> {
  await installRuntime('bun')
  await installRuntime('deno')
  // Has workerd.
  await installLinked('test/hosts')
  await installLinked('test/bench')
}

if (import.meta.main) await setUp()
