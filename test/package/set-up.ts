import { installNode, installRuntime, nodeMajors } from '../hosts/install.ts'
import { installLinked, installPackages } from '../support/install.ts'

export default async function setUp(): Promise<void> {
  for (const major of nodeMajors) await installNode(major)
  await installRuntime('bun')
  await installRuntime('deno')
  // Brings workerd.
  await installLinked('test/hosts')
  await installPackages('test/package')
}

if (import.meta.main) await setUp()
