import { index, layout, route, type RouteConfig } from '@react-router/dev/routes'

export default [
  layout('routes/layout.tsx', [
    index('routes/home.tsx'),
    route('page', 'routes/page.tsx'),
    route('signup', 'routes/signup.tsx'),
  ]),
  route('resource', 'routes/resource.ts'),
  route('text', 'routes/text.ts'),
  route('joined', 'routes/joined.ts'),
  route('data', 'routes/data.tsx'),
  route('send-notification/:email', 'routes/send-notification.ts'),
  route('invite', 'routes/invite.tsx'),
  route('release', 'routes/release.ts'),
] satisfies RouteConfig
