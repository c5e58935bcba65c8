import { route, type RouteConfig } from '@react-router/dev/routes'

export default [
  route('page', 'routes/page.tsx'),
  route('resource', 'routes/resource.ts'),
  route('text', 'routes/text.ts'),
  route('release', '../app/routes/release.ts'),
] satisfies RouteConfig
