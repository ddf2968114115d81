/** REST: integrations, linking, requests. */
import {
  ConnectBody,
  InstallationBody,
  IntegrationBody,
  IntegrationChangeBody,
  IntegrationPage,
  NewIntegrationBody,
  NewRequestBody,
  PageQuery,
  RequestBody,
} from "./api_schemas.ts";
import { type Endpoint, endpoint } from "./http/endpoint.ts";
import type { EventStreams } from "./http/event_stream.ts";
import { findActor } from "./http/mount_endpoints.ts";
import type { HubServices } from "./services.ts";

const one = "/api/v1/integrations/:id";

/** The console's pages use the same services: a script can do whatever they can. */
export function integrationEndpoints(services: HubServices, events: EventStreams): readonly Endpoint[] {
  const { integrations, linking, requests } = services;
  return [
    endpoint({
      method: "get",
      path: "/api/v1/integrations",
      summary: "Integrations by name",
      tag: "integrations",
      audience: "reader",
      query: PageQuery,
      responses: { 200: { description: "A page", schema: IntegrationPage } },
      async handle({ context, caller }) {
        return context.json(await integrations.list(caller, PageQuery.parse(context.req.query())));
      },
    }),
    endpoint({
      method: "post",
      path: "/api/v1/integrations",
      summary: "Add an integration",
      tag: "integrations",
      audience: "administrator",
      body: NewIntegrationBody,
      responses: { 201: { description: "Added", schema: IntegrationBody } },
      async handle({ context, caller, body }) {
        const created = await integrations.create(caller, body);
        return context.json(created, 201, { Location: `/api/v1/integrations/${created.id}` });
      },
    }),
    endpoint({
      method: "get",
      path: one,
      summary: "One integration with its state and installation",
      tag: "integrations",
      audience: "reader",
      responses: { 200: { description: "The integration", schema: IntegrationBody } },
      async handle({ context, caller, param }) {
        return context.json(await integrations.get(caller, param("id")));
      },
    }),
    endpoint({
      method: "patch",
      path: one,
      summary: "Rename, pause, resume, save a draft, or change settings: those are tested on the installation",
      tag: "integrations",
      audience: "administrator",
      body: IntegrationChangeBody,
      responses: { 200: { description: "Changed", schema: IntegrationBody } },
      async handle({ context, caller, body, param }) {
        return context.json(await integrations.change(caller, { ...body, id: param("id") }));
      },
    }),
    endpoint({
      method: "delete",
      path: one,
      summary: "Delete the integration; its installation is unlinked",
      tag: "integrations",
      audience: "administrator",
      responses: { 204: { description: "Deleted" } },
      async handle({ context, caller, param }) {
        await integrations.remove(caller, param("id"));
        return context.body(null, 204);
      },
    }),
    endpoint({
      method: "post",
      path: `${one}/link`,
      summary: "Connect the installation that shows this PIN",
      tag: "linking",
      audience: "administrator",
      body: ConnectBody,
      problems: ["wrong-pin", "conflict"],
      responses: { 200: { description: "The installation, now linked", schema: InstallationBody } },
      async handle({ context, caller, body, param }) {
        return context.json(await linking.connect(caller, { integrationId: param("id"), pin: body.pin }));
      },
    }),
    endpoint({
      method: "post",
      path: `${one}/requests`,
      summary: "Ask the linked agent for something once",
      tag: "integrations",
      audience: "administrator",
      body: NewRequestBody,
      problems: ["conflict"],
      responses: { 202: { description: "Asked; look for the answer at Location", schema: RequestBody } },
      async handle({ context, caller, body, param }) {
        const created = await requests.create(caller, { integrationId: param("id"), request: body });
        const location = `/api/v1/integrations/${param("id")}/requests/${created.id}`;
        return context.json(created, 202, { Location: location });
      },
    }),
    endpoint({
      method: "get",
      path: `${one}/requests/:request`,
      summary: "A request and its answer",
      tag: "integrations",
      audience: "reader",
      responses: { 200: { description: "The request", schema: RequestBody } },
      async handle({ context, caller, param }) {
        return context.json(await requests.get(caller, { integrationId: param("id"), id: param("request") }));
      },
    }),
    endpoint({
      method: "get",
      path: `${one}/events`,
      summary: "Server-sent events: `integration` with the integration, now and whenever something of it changes",
      tag: "integrations",
      audience: "reader",
      problems: ["unavailable"],
      responses: { 200: { description: "Events", contentType: "text/event-stream" } },
      async handle({ context, caller, param, signal }) {
        const again = () => findActor(context, services);
        return await events.open(caller, { findActor: again, integrationId: param("id"), signal });
      },
    }),
  ];
}
