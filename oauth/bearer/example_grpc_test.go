package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/latchkey-auth/latchkey/oauth/bearer"
	"github.com/latchkey-auth/latchkey/oauth/bearer/bearertest"
)

// authenticateGRPC is an interceptor: the token comes in the metadata "authorization", once. What a method requires
// it asks of bearer.FromContext(ctx).
func authenticateGRPC(verifier *bearer.Verifier) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if len(values) != 1 {
			return nil, status.Error(codes.Unauthenticated, "a bearer token is needed")
		}
		scheme, token, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, status.Error(codes.Unauthenticated, "a bearer token is needed")
		}
		claims, err := verifier.Verify(ctx, token)
		switch {
		case errors.Is(err, bearer.ErrInvalidToken):
			return nil, status.Error(codes.Unauthenticated, "the token is not accepted")
		case err != nil:
			return nil, status.Error(codes.Unavailable, "the token cannot be verified now")
		}
		return next(bearer.WithClaims(ctx, claims), request)
	}
}

// profileServer stands for a service of yours; here it is gRPC's own health service.
type profileServer struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (profileServer) Check(ctx context.Context, request *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	claims := bearer.FromContext(ctx)
	if !claims.Allows("profile:read") {
		return nil, status.Error(codes.PermissionDenied, "profile:read is needed")
	}
	if !claims.AllowsIn("profile:read", bearer.Place{Workspace: request.GetService()}) {
		return nil, status.Error(codes.NotFound, "no such workspace")
	}
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

// With gRPC, an interceptor accepts the token and each method asks the claims.
func Example_gRPC() {
	issuer := bearertest.Start()
	defer issuer.Close()
	verifier, err := bearer.New(issuer.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(authenticateGRPC(verifier)))
	defer server.Stop()
	grpc_health_v1.RegisterHealthServer(server, profileServer{})
	go func() { _ = server.Serve(listener) }()

	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	client := grpc_health_v1.NewHealthClient(connection)
	ask := func(token, workspace string) {
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
		_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: workspace})
		fmt.Println(status.Code(err))
	}
	token := issuer.Token(bearertest.Allow("profile:read", bearer.Places{Workspaces: []string{"ws_eu"}}))
	ask(token, "ws_eu")
	ask(token, "ws_us")
	ask(issuer.Token(), "ws_eu")
	ask("x", "ws_eu")
	// Output:
	// OK
	// NotFound
	// PermissionDenied
	// Unauthenticated
}
