import { putRuntimesOnPath } from '../hosts/install.ts'
import { installApp } from './install.ts'

/** The other apps are installed by their own tests. */
export default async function setUp(): Promise<void> {
  await putRuntimesOnPath()
  for (const name of ['elysia', 'graphql-yoga', 'h3', 'hono', 'next']) await installApp(name)
}
