import { putRuntimesOnPath } from '../hosts/install.ts'
import { installLinked } from './install.ts'

export default async function setUp(): Promise<void> {
  await putRuntimesOnPath()
  await installLinked('docs/examples/shutdown')
}
