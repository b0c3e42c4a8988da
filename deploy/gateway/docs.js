/* The merged document of all services, shown without a word to anybody else: no validator, no telemetry. */
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", validatorUrl: null, deepLinking: true,
	docExpansion: "none", filter: true, defaultModelsExpandDepth: 0 });
