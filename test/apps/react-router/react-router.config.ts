import type { Config } from '@react-router/dev/config'

// `app` has the middleware, `plain` has none.
const app = process.env['APP'] ?? 'app'

export default { appDirectory: app, buildDirectory: `build/${app}` } satisfies Config
