import { putRuntimesOnPath } from '../hosts/install.ts'
import { installLinked } from '../support/install.ts'

export default async function setUp(): Promise<void> {
  await putRuntimesOnPath()
  await installLinked('test/services')
}

if (import.meta.main) await setUp()
