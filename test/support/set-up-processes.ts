import { putRuntimesOnPath } from '../hosts/install.ts'

export default async function setUp(): Promise<void> {
  await putRuntimesOnPath()
}
