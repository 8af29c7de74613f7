package bucket

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// transport sends requests to an S3 server. It gives up a server that is silent, and an upload that takes too long.
type transport struct{ http.Transport }

func newTransport(silence time.Duration) *transport {
	dialer := &net.Dialer{Timeout: min(silence, 10*time.Second)}
	return &transport{http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &watched{conn, silence}, nil
		},
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     silence,
		MaxIdleConnsPerHost: 32,
		DisableCompression:  true, // objects are as they were stored
	}}
}

// RoundTrip bounds the time of a request that doesn't download.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return t.Transport.RoundTrip(r)
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTime)
	response, err := t.Transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = body{response.Body, cancel}
	return response, nil
}

// body cancels its request when it is closed.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close closes the body.
func (b body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// watched is a connection that fails when it has been silent in both directions while it was read or written.
type watched struct {
	net.Conn
	silence time.Duration
}

// Read extends the time.
func (w *watched) Read(p []byte) (int, error) {
	if err := w.SetDeadline(time.Now().Add(w.silence)); err != nil {
		return 0, err
	}
	return w.Conn.Read(p)
}

// Write extends the time, also for the answer that is waited for.
func (w *watched) Write(p []byte) (int, error) {
	if err := w.SetDeadline(time.Now().Add(w.silence)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}
