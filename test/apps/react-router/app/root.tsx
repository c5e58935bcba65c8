// #region middleware
import { provideBackgroundTasks } from 'background-tasks/context'
import type { Route } from './+types/root'

export const middleware: Route.MiddlewareFunction[] = [provideBackgroundTasks((_, next) => next())]
// #endregion
import { isRouteErrorResponse, Links, Meta, Outlet, Scripts } from 'react-router'

export default function Root() {
  return (
    <html lang="en">
      <head>
        <Meta />
        <Links />
      </head>
      <body>
        <Outlet />
        <Scripts />
      </body>
    </html>
  )
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  return (
    <html lang="en">
      <body>{isRouteErrorResponse(error) ? `Answered ${error.status}` : 'Failed'}</body>
    </html>
  )
}
