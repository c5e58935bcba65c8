import { installLinked } from '../support/install.ts'
import { installNode, installRuntime, nodeMajors } from './install.ts'

export default async function setUp(): Promise<void> {
  for (const major of nodeMajors) await installNode(major)
  await installRuntime('bun')
  await installRuntime('deno')
  await installLinked('test/hosts')
}

if (import.meta.main) await setUp()
